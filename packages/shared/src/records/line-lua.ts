/** Of so many jobs that are first in line the predictions are counted; of those behind them a mean is taken. */
const countedInLine = 64

/**
 * For scripts: `countInLine(rank)` is how many predictions the first so many jobs in line are for, of packs those without an
 * outcome. Needs `packLua`, and `prioritized` among the keys.
 */
export const lineLua = `
local before
local function countFront()
  before = { [0] = 0 }
  for position, job in ipairs(redis.call('ZRANGE', prioritized, 0, ${countedInLine - 1})) do
    local left = numberOf(job) == '00' and redis.call('HGET', packOf .. job, 'left')
    before[position] = before[position - 1] + (tonumber(left) or 1)
  end
end
local function countInLine(rank)
  if not before then countFront() end
  if before[rank] then return before[rank] end
  return #before == 0 and rank or math.floor(before[#before] / #before * rank)
end`
