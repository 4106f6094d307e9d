# One stage on the full Python image: compilers, headers and pip's downloads stay in the image.
FROM python:3.13
WORKDIR /app
COPY . .
RUN pip install --require-hashes -r requirements.lock
EXPOSE 3000
CMD ["python", "-m", "shipments"]
