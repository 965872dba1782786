import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Logger } from 'pino'
import type { CleanUp } from '../core/clean-up.ts'
import { StartError } from '../core/errors.ts'
import { watchFiles } from './file-watch.ts'

export interface TlsOptions {
  host: string
  /** 0 takes any free port. */
  port: number
  /** PEM files; read again when they change. */
  key: string
  cert: string
  ca?: string
  /** Accept only clients that show a certificate signed by `ca`. */
  requireCertificate?: boolean
}

export interface TlsListenerOptions {
  accept: (socket: Socket) => void
  handshakeTimeoutMs: number
  reloadMs: number
  logger: Logger
  cleanUp: CleanUp
}

/** Listens for plain TCP and returns the port. @throws StartError */
export async function listenPlain(
  host: string,
  port: number,
  accept: (socket: Socket) => void,
  cleanUp: CleanUp,
): Promise<number> {
  const server = createServer(accept)
  await listen(server, host, port, cleanUp)
  return portOf(server)
}

/** Listens for TLS 1.2 and later and returns the port. A renewed certificate is used for new connections. @throws StartError */
export async function listenTls(tls: TlsOptions, options: TlsListenerOptions): Promise<number> {
  const { logger, cleanUp } = options
  const server = createTlsServer({
    ...readCertificates(tls),
    requestCert: tls.requireCertificate ?? false,
    rejectUnauthorized: tls.requireCertificate ?? false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: options.handshakeTimeoutMs,
  })
  server.on('secureConnection', options.accept)
  server.on('tlsClientError', (error, socket) => {
    logger.debug({ err: error }, 'a TLS handshake failed')
    socket.destroy()
  })
  await listen(server, tls.host, tls.port, cleanUp)
  const files = [tls.key, tls.cert, ...(tls.ca ? [tls.ca] : [])]
  const stopWatching = watchFiles(files, options.reloadMs, () => {
    try {
      server.setSecureContext({ ...readCertificates(tls), minVersion: 'TLSv1.2' })
      logger.info('the TLS certificate was read again')
    } catch (error) {
      logger.error({ err: error }, 'the new TLS certificate is not usable: the old one stays in use')
    }
  })
  cleanUp.defer('certificate watch', stopWatching)
  return portOf(server)
}

function readCertificates(tls: TlsOptions) {
  try {
    return {
      key: readFileSync(tls.key),
      cert: readFileSync(tls.cert),
      ...(tls.ca && { ca: readFileSync(tls.ca) }),
    }
  } catch (error) {
    throw new StartError((error as Error).message, 'make the TLS key and certificate files readable PEM', error)
  }
}

function listen(server: Server, host: string, port: number, cleanUp: CleanUp): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = `${host}:${port}`
      if (error.code === 'EADDRINUSE') {
        reject(
          new StartError(`${place} is in use by another program`, 'stop it, or set another port for the broker', error),
        )
      } else if (error.code === 'EACCES') {
        reject(new StartError(`no permission to listen on ${place}`, 'set a port above 1023 for the broker', error))
      } else {
        reject(new StartError(`cannot listen on ${place}: ${error.message}`, 'set an address of this machine', error))
      }
    })
    // A compound that comes back after a power cut: what finds the line full tries again after seconds, up to a minute.
    // The kernel cuts it to its own limit (net.core.somaxconn, 4096).
    server.listen({ host, port, backlog: 16_384 }, () => {
      // Not waited for: open connections are ended by the broker's own part of the stop.
      cleanUp.defer(`listener on ${host}:${port}`, () => void server.close())
      resolve()
    })
  })
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}
