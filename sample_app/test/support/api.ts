import request from 'supertest';
import { createApp } from '../../src/app';
import { createLogger } from '../../src/logger';
import type { Shipment } from '../../src/shipments/shipment';

/** A client of a fresh application with an empty store. */
export function freshApi() {
  return request(createApp(createLogger('silent')));
}

export type Api = ReturnType<typeof freshApi>;

export const order = {
  reference: 'PO-1001',
  origin: 'DKCPH',
  destination: 'USNYC',
  weightKg: 12.5,
};

export async function createShipment(api: Api, overrides: Partial<typeof order> = {}) {
  const response = await api
    .post('/shipments')
    .send({ ...order, ...overrides })
    .expect(201);
  return response.body as Shipment;
}
