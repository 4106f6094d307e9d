import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Logger } from '../logger';

declare module 'express-serve-static-core' {
  interface Request {
    log: Logger;
  }
}

const requestIdPattern = /^[\w.-]{1,64}$/;

/** Gives each request an id (the caller's own if it sends a sane one) and logs one line when it ends. */
export function requestLog(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const received = req.get('X-Request-Id');
    const requestId = received && requestIdPattern.test(received) ? received : randomUUID();
    const { method, path } = req;
    const start = performance.now();

    req.log = logger.child({ requestId });
    res.set('X-Request-Id', requestId);
    res.on('close', () => {
      const line = {
        method,
        path,
        status: res.statusCode,
        durationMs: Math.round((performance.now() - start) * 10) / 10,
      };
      if (res.writableFinished) req.log.info(line, 'request completed');
      else req.log.warn(line, 'request aborted');
    });
    next();
  };
}
