-- find_message: find a message by its id. Arguments: seq and 8 random bytes as the id encodes them, the id's 16 bytes.
-- A message that was moved here keeps its id, whose seq is that of another queue; Q:i maps it to the seq here.
-- leased_until, delayed_until: ms, 0 when it is not. is_over: it has expired, though it is not removed yet.
-- uses: base_key, expired, flags_of, has_feature, has_flag, KIND, leases_key, MOVED, now_ms, records_key, sent_of, TTL
-- uses (fifo): queue_delay
local function find_message(seq, random, id)
  local record = call('HGET', records_key, seq)
  if record and string.sub(record, 14, 21) == random and not has_flag(flags_of(record), MOVED) then
    return seq, record
  end
  local here = call('HGET', base_key .. ':i', id)
  if not here then return nil end
  return here, call('HGET', records_key, here)
end
local function leased_until(seq)
  local ends = tonumber(call('ZSCORE', leases_key, seq) or 0)
  return ends > now_ms and ends or 0
end
local function delayed_until(seq, record)
  local at
  if KIND == 'fifo' then
    at = sent_of(record) + queue_delay()
  else
    at = has_feature('d') and tonumber(call('ZSCORE', base_key .. ':d', seq) or 0) or 0
  end
  return at > now_ms and at or 0
end
local function is_over(seq, record, state)
  if expired(record, state) then return true end
  if state[TTL] == 0 and not has_flag(flags_of(record), MOVED) then return false end -- an own end is in its record
  local own = has_feature('e') and call('ZSCORE', base_key .. ':e', seq)
  return own and tonumber(own) <= now_ms
end
