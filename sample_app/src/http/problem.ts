import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';

export interface FieldError {
  field: string;
  message: string;
}

/** An error that the client may see, sent as RFC 9457 problem details. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly errors?: FieldError[],
  ) {
    super(detail);
  }
}

/** The errors that Express and its body parser raise for a bad request. */
interface ClientError {
  status: number;
  message: string;
  type?: string;
}

function isClientError(error: unknown): error is ClientError {
  return (
    error instanceof Error &&
    'status' in error &&
    typeof error.status === 'number' &&
    error.status >= 400 &&
    error.status < 500
  );
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!isClientError(error)) return new Problem(500, 'The server failed to answer this request.');

  switch (error.type) {
    case 'entity.parse.failed':
      return new Problem(400, 'The request body is not valid JSON.');
    case 'entity.too.large':
      return new Problem(413, 'The request body is too large.');
    default:
      return new Problem(error.status, error.message);
  }
}

function send(res: Response, { status, detail, errors }: Problem): void {
  res
    .status(status)
    .type('application/problem+json')
    .json({ title: STATUS_CODES[status], status, detail, errors });
}

export const notFound: RequestHandler = (req) => {
  throw new Problem(404, `No route for ${req.method} ${req.path}.`);
};

export const errorHandler: ErrorRequestHandler = (error: unknown, req, res, next) => {
  const problem = toProblem(error);
  if (problem.status >= 500) req.log.error({ err: error }, 'request failed');

  if (res.headersSent) {
    next(error);
    return;
  }
  send(res, problem);
};
