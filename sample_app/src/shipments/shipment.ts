import { z } from 'zod';

const statuses = ['created', 'in_transit', 'delivered', 'cancelled'] as const;
export type ShipmentStatus = (typeof statuses)[number];

const status = z.enum(statuses);
const reference = z.string().trim().min(1).max(40);
const place = z.string().regex(/^[A-Z]{2}[A-Z2-9]{3}$/, 'must be a UN/LOCODE such as DKCPH');
const weightKg = z.number().positive().max(40_000);

export const newShipment = z.strictObject({
  reference,
  origin: place,
  destination: place,
  weightKg,
});

export const shipmentChanges = z
  .strictObject({ reference, destination: place, weightKg, status })
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, 'must change at least one field');

export const shipmentQuery = z.strictObject({
  status: status.optional(),
  destination: place.optional(),
  page: z.coerce.number().int().min(1).default(1),
  pageSize: z.coerce.number().int().min(1).max(100).default(20),
});

export type NewShipment = z.infer<typeof newShipment>;
export type ShipmentChanges = z.infer<typeof shipmentChanges>;
export type ShipmentQuery = z.infer<typeof shipmentQuery>;

export interface Shipment extends NewShipment {
  id: string;
  status: ShipmentStatus;
  createdAt: string;
  updatedAt: string;
}

const nextStatuses: Record<ShipmentStatus, readonly ShipmentStatus[]> = {
  created: ['in_transit', 'cancelled'],
  in_transit: ['delivered'],
  delivered: [],
  cancelled: [],
};

export function canMove(from: ShipmentStatus, to: ShipmentStatus): boolean {
  return from === to || nextStatuses[from].includes(to);
}
