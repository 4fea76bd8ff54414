-- find: the seq behind a message id. ARGV triple: seq and 8 random bytes as the id encodes them, the id's 16 bytes.
-- A message that was moved here keeps its id, whose seq is another queue's: Q:i knows it.
-- held_until, delayed_until: ms, 0 when it is not.   is_over: its life has ended, though it is not forgotten yet.
-- uses: expired, flags_of, had, has, KIND, L, M, MOVED, q, Q, sent_of
-- uses (fifo): queue_delay
local function find(seq, random, id)
  local record = call('HGET', M, seq)
  if record and string.sub(record, 14, 21) == random and not has(flags_of(record), MOVED) then return seq, record end
  local here = call('HGET', Q .. ':i', id)
  if not here then return nil end
  return here, call('HGET', M, here)
end
local function held_until(seq)
  local ends = tonumber(call('ZSCORE', L, seq) or 0)
  return ends > q.now and ends or 0
end
local function delayed_until(seq, record)
  local at
  if KIND == 'fifo' then
    at = sent_of(record) + queue_delay()
  else
    at = had('d') and tonumber(call('ZSCORE', Q .. ':d', seq) or 0) or 0
  end
  return at > q.now and at or 0
end
local function is_over(seq, record, state)
  if expired(record, state) then return true end
  local own = had('e') and call('ZSCORE', Q .. ':e', seq)
  return own and tonumber(own) <= q.now
end
