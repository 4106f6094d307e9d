import express from 'express';
import type { Express } from 'express';
import helmet from 'helmet';
import { errorHandler, notFound } from './http/problem';
import { requestLog } from './http/request-log';
import type { Logger } from './logger';
import { healthRoutes } from './routes/health';
import { shipmentRoutes } from './routes/shipments';
import { ShipmentStore } from './shipments/store';

export function createApp(logger: Logger): Express {
  const app = express();

  app.use(requestLog(logger));
  app.use(helmet());
  app.use('/healthz', healthRoutes());
  app.use('/shipments', shipmentRoutes(new ShipmentStore()));
  app.use(notFound);
  app.use(errorHandler);

  return app;
}
