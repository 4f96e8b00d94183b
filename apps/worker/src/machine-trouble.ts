/** No memory, no file handles, a disk that fails: in the words of ONNX Runtime, of C++ and of the system. */
const pattern =
  /bad_alloc|(failed|unable|cannot|could not) (to )?allocate|out of memory|system error number (5|11|12|23|24)\b|\b(EIO|EAGAIN|ENOMEM|ENFILE|EMFILE)\b/i

/** True where an error says nothing against the files that were read: they may do at another time. */
export const isMachineTrouble = (err: unknown): boolean =>
  pattern.test(err instanceof Error ? err.message : String(err))
