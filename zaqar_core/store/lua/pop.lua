-- pop: take up to n messages and delete them in the same step.
-- keys:  Q.   args: n.   reply: {now, keep s, intents, again, {seq, record, state} ...}
-- fails: NOQUEUE.   cost: O(k log n).
-- uses: queue state forget due take
if not open_to_take() then return NOQUEUE end
promote()
expire_own(100)
local taken, intents, again = take(tonumber(ARGV[1]), '', '')
local reply = { q.now, q.keep / 1000, intents, again and 1 or 0 }
for i, one in ipairs(taken) do
  forget(one[1], one[3][FLAGS], one[3][TTL] > 0)
  one[3] = cmsgpack.pack(one[3])
  reply[4 + i] = one
end
return reply
