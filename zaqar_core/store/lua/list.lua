-- list: messages after a seq, in order; looks at no more than 200.
-- keys:  Q.   args: after seq, limit, include claimed 0/1, include delayed 0/1, Client-ID to leave out (16 bytes or "")
-- reply: {now, keep s, seq looked at last, 1 if there may be more, {seq, record, state or "", held ms, delayed ms} ...}
-- fails: NOQUEUE.   cost: O(log n + 200).
-- uses: queue state forget due find
if not open() then return NOQUEUE end
promote()
expire_own(100)
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimed, late, client = ARGV[3] == '1', ARGV[4] == '1', ARGV[5]
local from = '(' .. string.format('%.0f', after)
local a = call('ZRANGEBYSCORE', R, from, '+inf', 'LIMIT', 0, 200)
local b = (claimed or late) and call('ZRANGEBYSCORE', X, from, '+inf', 'LIMIT', 0, 200) or {}
local found, ai, bi, looked, last = {}, 1, 1, 0, after
while #found < limit and looked < 200 and (a[ai] or b[bi]) do
  local seq
  if not b[bi] or (a[ai] and tonumber(a[ai]) < tonumber(b[bi])) then
    seq, ai = a[ai], ai + 1
  else
    seq, bi = b[bi], bi + 1
  end
  looked, last = looked + 1, tonumber(seq)
  local record, packed = call('HGET', M, seq), call('HGET', S, seq)
  if record and not expired(record, state_of(packed)) then
    local held, delayed = held_until(seq), tonumber(call('ZSCORE', D, seq) or 0)
    local flags = flags_of(record)
    local at = has(flags, OWN_TTL) and 31 or 23
    local mine = client ~= '' and has(flags, 1) and string.sub(record, at, at + 15) == client
    if not mine and (claimed or held == 0) and (late or delayed <= q.now) then
      found[#found + 1] = { seq, record, packed or '', held, delayed > q.now and delayed or 0 }
    end
  end
end
local more = (looked >= 200 or a[ai] or b[bi]) and 1 or 0
local reply = { q.now, q.keep / 1000, last, more }
for i, one in ipairs(found) do reply[4 + i] = one end
return reply
