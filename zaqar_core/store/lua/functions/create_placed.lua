-- create_placed: make the queue in a pool, or read the one that is there. Each incarnation lives once at most.
-- keys:  Q.   args: incarnation, creator, default retention s, deadline (real ms of this server), then field, value ...
-- reply: {1 if made now, field, value, ...}.
-- fails: GONE (that incarnation has ended), LATE (after the deadline).   cost: O(fields).
-- uses: born, buried, Q, real_ms, whole
local made = 0
if call('EXISTS', Q) == 0 then
  if call('EXISTS', buried(ARGV[1])) == 1 then return { err = 'GONE' } end
  if real_ms() >= tonumber(ARGV[4]) then return { err = 'LATE' } end
  born(5)
  made = 1
end
local reply = whole()
table.insert(reply, 1, made)
return reply
