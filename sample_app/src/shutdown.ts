import type { Server } from 'node:http';

const sweepEveryMs = 50;

/**
 * Stops accepting connections, lets requests in flight finish, and cuts what is still open
 * after the grace period. Resolves to whether everything finished by itself.
 */
export function closeGracefully(server: Server, graceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let finished = true;

    // A keep-alive connection turns idle only once its request is answered, so close() alone misses it.
    const sweep = setInterval(() => {
      server.closeIdleConnections();
    }, sweepEveryMs);
    const deadline = setTimeout(() => {
      finished = false;
      server.closeAllConnections();
    }, graceMs);

    server.close(() => {
      clearInterval(sweep);
      clearTimeout(deadline);
      resolve(finished);
    });
  });
}
