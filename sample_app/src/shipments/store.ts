import { randomUUID } from 'node:crypto';
import type { NewShipment, Shipment, ShipmentChanges, ShipmentQuery } from './shipment';

export interface Page<T> {
  items: T[];
  page: number;
  pageSize: number;
  total: number;
}

/** Shipments in memory, oldest first. */
export class ShipmentStore {
  readonly #shipments = new Map<string, Shipment>();

  list({ status, destination, page, pageSize }: ShipmentQuery): Page<Shipment> {
    const matches = [...this.#shipments.values()].filter(
      (shipment) =>
        (status === undefined || shipment.status === status) &&
        (destination === undefined || shipment.destination === destination),
    );
    const start = (page - 1) * pageSize;
    return { items: matches.slice(start, start + pageSize), page, pageSize, total: matches.length };
  }

  get(id: string): Shipment | undefined {
    return this.#shipments.get(id);
  }

  create(input: NewShipment): Shipment {
    const now = new Date().toISOString();
    const shipment: Shipment = {
      id: randomUUID(),
      ...input,
      status: 'created',
      createdAt: now,
      updatedAt: now,
    };
    this.#shipments.set(shipment.id, shipment);
    return shipment;
  }

  update(shipment: Shipment, changes: ShipmentChanges): Shipment {
    const updated = { ...shipment, ...changes, updatedAt: new Date().toISOString() };
    this.#shipments.set(updated.id, updated);
    return updated;
  }

  delete(id: string): boolean {
    return this.#shipments.delete(id);
  }
}
