import { Router } from 'express';
import { version } from '../version';

export function healthRoutes(): Router {
  const router = Router();

  router.get('/', (_req, res) => {
    res.json({
      status: 'ok',
      version,
      uptimeSeconds: Math.floor(process.uptime()),
      node: process.version,
    });
  });

  return router;
}
