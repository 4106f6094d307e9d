import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Shipment } from '../src/shipments/shipment';
import type { Page } from '../src/shipments/store';
import { createShipment, freshApi, order } from './support/api';
import type { Api } from './support/api';

let api: Api;

beforeEach(() => {
  api = freshApi();
});

describe('creating', () => {
  it('answers with the shipment and its location', async () => {
    const response = await api.post('/shipments').send(order).expect(201);
    const shipment = response.body as Shipment;

    assert.equal(response.get('Location'), `/shipments/${shipment.id}`);
    assert.deepEqual(shipment, {
      id: shipment.id,
      ...order,
      status: 'created',
      createdAt: shipment.createdAt,
      updatedAt: shipment.createdAt,
    });
    await api.get(`/shipments/${shipment.id}`).expect(200, shipment);
  });
});

describe('listing', () => {
  const list = async (query: string) => {
    const response = await api.get(`/shipments${query}`).expect(200);
    return response.body as Page<Shipment>;
  };

  it('starts empty', async () => {
    assert.deepEqual(await list(''), { items: [], page: 1, pageSize: 20, total: 0 });
  });

  it('cuts the shipments into pages, oldest first', async () => {
    for (const reference of ['A', 'B', 'C', 'D', 'E']) await createShipment(api, { reference });

    const { items, ...position } = await list('?page=2&pageSize=2');

    assert.deepEqual(
      items.map(({ reference }) => reference),
      ['C', 'D'],
    );
    assert.deepEqual(position, { page: 2, pageSize: 2, total: 5 });
    assert.deepEqual((await list('?page=4&pageSize=2')).items, []);
  });

  it('filters by status and destination together', async () => {
    const moving = await createShipment(api);
    await api.patch(`/shipments/${moving.id}`).send({ status: 'in_transit' }).expect(200);
    const waiting = await createShipment(api);
    await createShipment(api, { destination: 'NLRTM' });

    const { items, total } = await list('?status=created&destination=USNYC');

    assert.deepEqual(items, [waiting]);
    assert.equal(total, 1);
  });
});

describe('updating', () => {
  it('changes only the fields it is given', async () => {
    const before = await createShipment(api);
    const response = await api.patch(`/shipments/${before.id}`).send({ weightKg: 40 }).expect(200);
    const after = response.body as Shipment;

    assert.deepEqual(after, { ...before, weightKg: 40, updatedAt: after.updatedAt });
    await api.get(`/shipments/${before.id}`).expect(200, after);
  });

  it('follows a shipment to its delivery', async () => {
    const { id } = await createShipment(api);
    await api.patch(`/shipments/${id}`).send({ status: 'in_transit' }).expect(200);
    await api.patch(`/shipments/${id}`).send({ status: 'delivered' }).expect(200);
  });

  it('refuses a step that the status does not allow, and changes nothing', async () => {
    const before = await createShipment(api);
    const response = await api
      .patch(`/shipments/${before.id}`)
      .send({ status: 'delivered', weightKg: 40 })
      .expect(409);

    assert.deepEqual(response.body, {
      title: 'Conflict',
      status: 409,
      detail: 'A shipment cannot go from created to delivered.',
    });
    await api.get(`/shipments/${before.id}`).expect(200, before);
  });
});

describe('deleting', () => {
  it('removes the shipment for good', async () => {
    const { id } = await createShipment(api);
    await api.delete(`/shipments/${id}`).expect(204, {});
    await api.get(`/shipments/${id}`).expect(404);
    await api.delete(`/shipments/${id}`).expect(404);
  });
});
