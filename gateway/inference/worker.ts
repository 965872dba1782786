import { parentPort, workerData } from 'node:worker_threads'
import { serve, type WorkerData } from './serve.ts'

// Entry point of the inference threads.
if (parentPort) await serve(workerData as WorkerData, parentPort)
