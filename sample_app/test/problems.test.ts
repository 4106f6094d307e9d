import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Response } from 'supertest';
import type { FieldError } from '../src/http/problem';
import { createShipment, freshApi, order } from './support/api';
import type { Api } from './support/api';

let api: Api;

beforeEach(() => {
  api = freshApi();
});

interface ProblemBody {
  title: string;
  status: number;
  detail: string;
  errors?: FieldError[];
}

function problemOf(response: Response): ProblemBody {
  const body = response.body as ProblemBody;
  assert.match(response.get('Content-Type') ?? '', /^application\/problem\+json/);
  assert.equal(body.status, response.status);
  return body;
}

function fieldsOf(response: Response): string[] {
  const { errors = [] } = problemOf(response);
  return errors.map(({ field }) => field).sort();
}

describe('an invalid body', () => {
  it('gets 400 with every field at fault', async () => {
    const response = await api
      .post('/shipments')
      .send({ reference: ' ', origin: 'Copenhagen', weightKg: -1, colour: 'red' });

    assert.equal(response.status, 400);
    assert.deepEqual(fieldsOf(response), [
      'colour',
      'destination',
      'origin',
      'reference',
      'weightKg',
    ]);
  });

  it('gets 400 when it is missing or not an object', async () => {
    assert.deepEqual(fieldsOf(await api.post('/shipments').expect(400)), ['body']);
    assert.deepEqual(fieldsOf(await api.post('/shipments').send([order]).expect(400)), ['body']);
  });

  it('gets 400 for an update that changes nothing', async () => {
    const { id } = await createShipment(api);
    const response = await api.patch(`/shipments/${id}`).send({}).expect(400);
    assert.deepEqual(problemOf(response).errors, [
      { field: 'body', message: 'must change at least one field' },
    ]);
  });

  it('gets 400 when it is malformed JSON', async () => {
    const response = await api
      .post('/shipments')
      .type('application/json')
      .send('{"reference": "PO-')
      .expect(400);
    assert.deepEqual(problemOf(response), {
      title: 'Bad Request',
      status: 400,
      detail: 'The request body is not valid JSON.',
    });
  });

  it('gets 413 when it is too large', async () => {
    const response = await api.post('/shipments').send({ reference: 'x'.repeat(20_000) });
    assert.equal(problemOf(response).status, 413);
  });

  it('gets 415 when it is not JSON', async () => {
    const response = await api.post('/shipments').type('form').send('reference=PO-1');
    assert.equal(problemOf(response).status, 415);
  });
});

describe('an invalid query', () => {
  for (const [query, field] of [
    ['page=0', 'page'],
    ['page=two', 'page'],
    ['page=1&page=2', 'page'],
    ['pageSize=101', 'pageSize'],
    ['status=lost', 'status'],
    ['destination=New%20York', 'destination'],
    ['colour=red', 'colour'],
  ] as const) {
    it(`gets 400 for ${query}`, async () => {
      const response = await api.get(`/shipments?${query}`).expect(400);
      assert.deepEqual(fieldsOf(response), [field]);
    });
  }
});

describe('an unknown address', () => {
  it('gets 404 for an id that does not exist, whatever the method', async () => {
    for (const request of [
      api.get('/shipments/none'),
      api.patch('/shipments/none').send({ weightKg: 1 }),
      api.delete('/shipments/none'),
    ]) {
      assert.equal(problemOf(await request.expect(404)).detail, 'No shipment has the id none.');
    }
  });

  it('gets 404 for a route that does not exist', async () => {
    const response = await api.get('/parcels').expect(404);
    assert.equal(problemOf(response).detail, 'No route for GET /parcels.');
  });

  it('gets 400 for a path that cannot be decoded', async () => {
    problemOf(await api.get('/shipments/%E0%A4%A').expect(400));
  });
});
