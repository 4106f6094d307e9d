import { json, Router } from 'express';
import type { RequestHandler } from 'express';
import { Problem } from '../http/problem';
import { validate } from '../http/validate';
import { canMove, newShipment, shipmentChanges, shipmentQuery } from '../shipments/shipment';
import type { Shipment } from '../shipments/shipment';
import type { ShipmentStore } from '../shipments/store';

const requireJson: RequestHandler = (req, _res, next) => {
  const isEmpty = req.get('Content-Length') === '0';
  if (!isEmpty && req.is('application/json') === false) {
    throw new Problem(415, 'The request body must be application/json.');
  }
  next();
};

const parseJson = json({ limit: '16kb' });

export function shipmentRoutes(store: ShipmentStore): Router {
  const router = Router();

  const find = (id: string): Shipment => {
    const shipment = store.get(id);
    if (!shipment) throw new Problem(404, `No shipment has the id ${id}.`);
    return shipment;
  };

  router.get('/', (req, res) => {
    res.json(store.list(validate(shipmentQuery, req.query, 'query')));
  });

  router.post('/', requireJson, parseJson, (req, res) => {
    const shipment = store.create(validate(newShipment, req.body, 'body'));
    res.status(201).location(`${req.baseUrl}/${shipment.id}`).json(shipment);
  });

  router.get('/:id', (req, res) => {
    res.json(find(req.params.id));
  });

  router.patch<{ id: string }>('/:id', requireJson, parseJson, (req, res) => {
    const shipment = find(req.params.id);
    const changes = validate(shipmentChanges, req.body, 'body');
    if (changes.status && !canMove(shipment.status, changes.status)) {
      throw new Problem(409, `A shipment cannot go from ${shipment.status} to ${changes.status}.`);
    }
    res.json(store.update(shipment, changes));
  });

  router.delete('/:id', (req, res) => {
    const { id } = find(req.params.id);
    store.delete(id);
    res.status(204).end();
  });

  return router;
}
