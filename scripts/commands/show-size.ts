/** Bytes in the unit that leaves one to three digits before the point. */
export const showSize = (bytes: number) => {
  if (bytes < 1000) return `${bytes} B`
  const [unit, divisor] = bytes < 999_500 ? ['KB', 1e3] : bytes < 999_500_000 ? ['MB', 1e6] : ['GB', 1e9]
  const amount = bytes / Number(divisor)
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${unit}`
}
