#!/usr/bin/env node
// The command `gridgate` of a checkout: runs the TypeScript sources without a build.
import { register } from 'tsx/esm/api'

register()
await import('./main.ts')
