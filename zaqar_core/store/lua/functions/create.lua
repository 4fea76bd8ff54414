-- create: make the queue, or read the one that is there.
-- keys:  Q.   args: incarnation (16 hex digits; "" only looks), creator, default retention s, then field, value ...
-- reply: {1 if made now, field, value, ...}.   fails: NOQUEUE (only looked, and there is none).   cost: O(fields).
-- uses: born, NOQUEUE, Q, whole
local made = 0
if call('EXISTS', Q) == 0 then
  if ARGV[1] == '' then return NOQUEUE end
  born(4)
  made = 1
end
local reply = whole()
table.insert(reply, 1, made)
return reply
