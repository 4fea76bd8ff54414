-- state: the state of one message in Q:s: [nonce, count, first receive ms, claim, ttl s, flags, gid, start ms, before,
-- arrived ms]; nil before its first receive. gid ("" without group) and start (the last receive) exist only in queues
-- with groups. before (receives in other queues) and arrived exist only where the message was moved here; messages that
-- an earlier release moved have no arrived. A record's layout: see records.py.
-- uses: now_ms, queue
local NONCE, COUNT, FIRST, CLAIM, TTL, FLAGS, GID, START, BEFORE, ARRIVED = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local CLIENT, OWN_TTL, MOVED, GROUP, ENCRYPTED = 1, 2, 16, 32, 64
local function state_of(packed)
  if packed then return cmsgpack.unpack(packed) end
  return { '', 0, 0, '', 0, 0, '', 0 }
end
local UNRECEIVED = { '', 0, 0, '', 0, 0, '', 0 }
local function flags_of(record) return string.byte(record, 22) end
local function has_flag(flags, bit_value) return flags % (2 * bit_value) >= bit_value end
-- count one more receive in the state
local function count_receive(state, record, nonce, claim)
  state[NONCE], state[COUNT], state[CLAIM], state[FLAGS] = nonce, state[COUNT] + 1, claim, flags_of(record)
  if state[FIRST] == 0 then state[FIRST] = now_ms end
end
local function sent_of(record) return string.sub(record, 1, 13) + 0 end
local function gid_of(record)
  local flags = flags_of(record)
  if not has_flag(flags, GROUP) then return '' end
  local at = has_flag(flags, OWN_TTL) and 31 or 23
  return string.sub(record, at, at + 7)
end
-- A message follows the queue's retention by its sent time unless it has an end of its own: in its record, or in Q:e
-- where a claim extended its expiry or it was moved here. A message that was past a shorter retention before does not
-- return when the retention grows: it was sent no later than horizon_ms.
local function expired(record, state)
  if state[TTL] > 0 then return false end
  local flags, sent = flags_of(record), sent_of(record)
  if has_flag(flags, OWN_TTL) then
    return not has_flag(flags, MOVED) and sent + string.sub(record, 23, 30) * 1000 <= now_ms
  end
  return sent + queue.retention_ms <= now_ms or sent <= queue.horizon_ms
end
