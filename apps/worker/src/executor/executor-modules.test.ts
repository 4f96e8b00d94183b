import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** The packages that are loaded once a module is, in a process of its own. */
const packagesOf = async (module: string) => {
  const program = `
    import { registerHooks } from 'node:module'
    const urls = []
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context) } })
    await import(${JSON.stringify(new URL(module, import.meta.url).href)})
    console.log(JSON.stringify(urls))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  return new Set([...stdout.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map(([, name]) => name))
}

test('what an executor loads before its model is ONNX Runtime alone: zod would cost each of them 15 MB', async () => {
  const packages = await packagesOf('./load-model.ts')

  expect(packages).toEqual(new Set(['onnxruntime-common', 'onnxruntime-node']))
  // the process of files has Parquet, too
  expect(await packagesOf('./batch/batch-executor-process.ts')).toEqual(
    packages.union(new Set(['hyparquet', 'hyparquet-writer'])),
  )
  // the check finds what is there
  expect(await packagesOf('./protocol.ts')).toContain('zod')
})
