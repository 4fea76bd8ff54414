-- mover: one process at a time finishes the moves of a queue. Its lease (fields mover, mover_until of Q) is in real
-- time, because the destination, whose keys may be on another server, refuses what comes after its deadline.
-- uses: Q
local function is_mover(token) return call('HGET', Q, 'mover') == token end
local STALE = { err = 'STALE' }
local function real_ms()
  local clock = call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
