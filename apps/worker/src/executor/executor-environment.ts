/**
 * What an executor gets of its worker's environment: it runs a model's file, and what comes with one, and has no business
 * with the secrets of the server. So it is a list of what is needed and not of what is withheld:
 *
 * - where programs, libraries and temporary files are, and the language and time zone of messages;
 * - how memory is allocated and how Node runs;
 * - what ONNX Runtime and the libraries of its providers read: CUDA, cuDNN, TensorRT, OpenMP.
 *
 * NVIDIA's are listed one by one, for NVIDIA_API_KEY is a secret.
 */
export const executorEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => isNeeded(name)))

const isNeeded = (name: string) => names.has(name) || prefixes.some((prefix) => name.startsWith(prefix))

const names = new Set([
  'PATH',
  'HOME',
  'TMPDIR',
  'TMP',
  'TEMP',
  'TZ',
  'TZDIR',
  'LANG',
  'LANGUAGE',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'DYLD_LIBRARY_PATH',
  'DYLD_FALLBACK_LIBRARY_PATH',
  'GLIBC_TUNABLES',
  'NODE_ENV',
  'NODE_OPTIONS',
  'NODE_COMPILE_CACHE',
  'NODE_DISABLE_COMPILE_CACHE',
  'NODE_V8_COVERAGE',
  'UV_THREADPOOL_SIZE',
  'NVIDIA_VISIBLE_DEVICES',
  'NVIDIA_DRIVER_CAPABILITIES',
  'NVIDIA_TF32_OVERRIDE',
])

const prefixes = ['LC_', 'MALLOC_', 'CUDA_', 'CUDNN_', 'CUBLAS_', 'ORT_', 'OMP_']
