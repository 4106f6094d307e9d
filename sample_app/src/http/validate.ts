import type { ZodType } from 'zod';
import { Problem } from './problem';

/** Returns the input as the schema's type, or throws a 400 that names each field at fault. */
export function validate<T>(schema: ZodType<T>, input: unknown, what: 'body' | 'query'): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;

  const errors = parsed.error.issues.flatMap((issue) => {
    const fields = issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || what];
    return fields.map((field) => ({ field, message: issue.message }));
  });
  throw new Problem(400, `The request ${what} is not valid.`, errors);
}
