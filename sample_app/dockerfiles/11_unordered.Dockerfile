# Wrong on purpose: the naive file with its sources copied before the install, so each edit installs anew.
FROM node:20
WORKDIR /app
COPY . .
RUN npm install
RUN npm run build
EXPOSE 3000
CMD ["node", "dist/index.js"]
