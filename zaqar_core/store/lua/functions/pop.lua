-- pop: take up to n messages and delete them in the same step.
-- keys:  Q.   args: n.   reply: {now, keep s, intents, again, {seq, record, state} ...}
-- fails: NOQUEUE; ENCRYPTED (the queue had encrypted messages: what cannot be decrypted must not be deleted).
-- cost:  O(k log n).
-- uses: c, doomed, forget, had, is_behind, open, q, settle, take, tell, tick
local wrong = open()
if wrong then return wrong end
if had('k') then return { err = 'ENCRYPTED' } end
tick(100)
local taken, intents, again_at_once = take(tonumber(ARGV[1]), '', '')
local reply, gone = { q.now, c.keep / 1000, intents, (again_at_once or is_behind()) and 1 or 0 }, {}
for i, one in ipairs(taken) do
  gone[i] = doomed(one[1], one[2], one[3])
  reply[4 + i] = { one[1], one[2], cmsgpack.pack(one[3]) }
end
forget(gone)
local freed = settle()
tell(freed)
return reply
