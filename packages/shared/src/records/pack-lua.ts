/**
 * A pack is a hash, beside the job that its predictions share:
 *
 * | field     | holds                                                                                          |
 * | --------- | ---------------------------------------------------------------------------------------------- |
 * | `n`       | how many predictions there were                                                                |
 * | `kept`    | how many of them were not deleted                                                              |
 * | `left`    | how many have no outcome                                                                       |
 * | `rows`    | how many rows those have                                                                       |
 * | `told`    | set where any of them has a webhook                                                            |
 * | `due`     | set where any of them has a deadline                                                           |
 * | `long`    | set where the outcome of any of them is kept under a key of its own                            |
 * | `j<nn>`   | what was asked for, as JSON (pack.ts); `nn` is the end of the prediction's id                  |
 * | `i<nn>`   | its input, as JSON                                                                             |
 * | `o<nn>`   | its outcome, as JSON; empty where that is long, and under its own key                          |
 *
 * Where an outcome is follows from the id alone: in its pack where that has the prediction, or else under its own key.
 *
 * These functions for scripts need no keys: `packOf` is the beginning of a pack's key, and a local of the script.
 */
export const packLua = `
local function numberOf(id) return string.sub(id, -2) end
local function packKeyOf(id) return packOf .. string.sub(id, 1, -3) .. '00' end

-- the key of the pack that has the prediction; nil where none has
local function packWith(id)
  local key = packKeyOf(id)
  return redis.call('HEXISTS', key, 'j' .. numberOf(id)) == 1 and key or nil
end

-- whether a prediction has an outcome, or all predictions of a pack
local function isFinal(id, outcomeKey)
  local key = packKeyOf(id)
  if numberOf(id) == '00' then
    local left = redis.call('HGET', key, 'left')
    if left then return left == '0' end
  elseif redis.call('HEXISTS', key, 'o' .. numberOf(id)) == 1 then
    return true
  end
  return redis.call('EXISTS', outcomeKey) == 1
end

local numbers = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
local function memberOf(packId, number)
  local high, low = math.floor(number / 32) + 1, number % 32 + 1
  return string.sub(packId, 1, -3) .. string.sub(numbers, high, high) .. string.sub(numbers, low, low)
end`

/** The field of a pack that tells whether it has a prediction. */
export const memberField = (predictionId: string) => `j${predictionId.slice(-2)}`
