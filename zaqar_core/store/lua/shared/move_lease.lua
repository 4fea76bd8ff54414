-- move_lease: one process at a time finishes the moves of a queue. Its lease (the queue's fields mover, mover_until) is
-- in real time, because the destination, whose keys may be on another server, refuses what comes after its deadline.
-- uses: base_key
local function is_move_runner(token) return call('HGET', base_key, 'mover') == token end
local STALE = { err = 'STALE' }
local function real_ms()
  local clock = call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
