-- counts: the queue, and how many messages are receivable now, leased and delayed; expired ones are forgotten first.
-- keys:  Q.   args: "counts" or "stats"
-- reply: {visible, in flight, delayed, 1 if more have expired than one step forgets, {oldest}, {newest}, now, keep s,
--        field, value ...}; oldest and newest as in list, 0 in an empty queue and for "counts".
-- fails: NOQUEUE.   cost: O(log n).
-- uses: queue state forget due find settings
if not open() then return NOQUEUE end
promote()
local gone = expire_own(200) + expire_heads(R, 200) + expire_heads(X, 200)
local function shown(from_r, from_x, newest)
  local seq
  if from_r and from_x then
    local r_first = tonumber(from_r) < tonumber(from_x)
    seq = (r_first ~= newest) and from_r or from_x
  else
    seq = from_r or from_x
  end
  local record = seq and call('HGET', M, seq)
  if not record then return 0 end
  local delayed = tonumber(call('ZSCORE', D, seq) or 0)
  return { seq, record, call('HGET', S, seq) or '', held_until(seq), delayed > q.now and delayed or 0 }
end
local oldest, newest = 0, 0
if ARGV[1] == 'stats' then
  oldest = shown(call('ZRANGE', R, 0, 0)[1], call('ZRANGE', X, 0, 0)[1], false)
  newest = shown(call('ZRANGE', R, -1, -1)[1], call('ZRANGE', X, -1, -1)[1], true)
end
local lapsed = call('ZCOUNT', L, '-inf', q.now)
local arrived = call('ZCOUNT', D, '-inf', q.now)
local reply = {
  call('ZCARD', R) + lapsed + arrived, call('ZCARD', L) - lapsed, call('ZCARD', D) - arrived,
  gone >= 200 and 1 or 0, oldest, newest, q.now, q.keep / 1000,
}
for _, value in ipairs(whole()) do reply[#reply + 1] = value end
return reply
