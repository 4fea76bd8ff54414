-- state: Q:s of one message: [nonce, count, first ms, claim, ttl s, flags, gid, start ms, before]; nil before its first
-- receive. gid ("" without group) and start, the last receive, are there only in queues with groups; before, how often it
-- had been received in other queues, only where it was moved here.
-- A record's parts by their place: see records.py.
-- uses: c, q
local NONCE, COUNT, FIRST, CLAIM, TTL, FLAGS, GID, START, BEFORE = 1, 2, 3, 4, 5, 6, 7, 8, 9
local CLIENT, OWN_TTL, MOVED, GROUP, ENCRYPTED = 1, 2, 16, 32, 64
local function state_of(packed)
  if packed then return cmsgpack.unpack(packed) end
  return { '', 0, 0, '', 0, 0, '', 0 }
end
local FRESH = { '', 0, 0, '', 0, 0, '', 0 }
local function flags_of(record) return string.byte(record, 22) end
local function has(flags, bit_value) return bit.band(flags, bit_value) ~= 0 end
-- the state after one more receive
local function receive_again(state, record, nonce, claim)
  state[NONCE], state[COUNT], state[CLAIM], state[FLAGS] = nonce, state[COUNT] + 1, claim, flags_of(record)
  if state[FIRST] == 0 then state[FIRST] = q.now end
end
local function sent_of(record) return tonumber(string.sub(record, 1, 13)) end
local function gid_of(record)
  local flags = flags_of(record)
  if not has(flags, GROUP) then return '' end
  local at = has(flags, OWN_TTL) and 31 or 23
  return string.sub(record, at, at + 7)
end
-- a message follows the queue's retention by its sent time unless it has an end of its own: in its record, or in Q:e
-- where a claim lengthened its life or it was moved here. What was past a shorter retention before does not come back:
-- it is not younger than c.horizon.
local function expired(record, state)
  if state[TTL] > 0 then return false end
  local flags, sent = flags_of(record), sent_of(record)
  if has(flags, OWN_TTL) then return not has(flags, MOVED) and sent + string.sub(record, 23, 30) * 1000 <= q.now end
  return sent + c.keep <= q.now or sent <= c.horizon
end
