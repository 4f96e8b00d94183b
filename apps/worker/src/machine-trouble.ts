/** No memory, no file handles, a disk that fails or is away: in the words of ONNX Runtime, of C++ and of the system. */
const pattern =
  /bad_alloc|(failed|unable|cannot|could not) (to )?allocate|out of memory|system error number (5|11|12|16|23|24|107|110|116|121)\b|\b(EIO|EAGAIN|ENOMEM|EBUSY|ENFILE|EMFILE|ENOTCONN|ETIMEDOUT|ESTALE|EREMOTEIO)\b/i

/** True where an error says nothing against the files that were read: they may do at another time. */
export const isMachineTrouble = (err: unknown): boolean =>
  pattern.test(err instanceof Error ? err.message : String(err))
