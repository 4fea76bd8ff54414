-- state: Q:s of one message: [nonce, count, first ms, claim, ttl s, flags]; nil before its first receive.
local NONCE, COUNT, FIRST, CLAIM, TTL, FLAGS = 1, 2, 3, 4, 5, 6
local OWN_TTL, MOVED = 2, 16
local function state_of(packed)
  if packed then return cmsgpack.unpack(packed) end
  return { '', 0, 0, '', 0, 0 }
end
local function flags_of(record) return string.byte(record, 22) end
local function has(flags, bit_value) return bit.band(flags, bit_value) ~= 0 end
-- a message follows the queue's retention by its sent time unless it has an end of its own
local function expired(record, state)
  if has(flags_of(record), OWN_TTL) or state[TTL] > 0 then return false end
  return tonumber(string.sub(record, 1, 13)) + q.keep <= q.now
end
