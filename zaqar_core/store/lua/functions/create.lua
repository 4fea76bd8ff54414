-- create: make the queue, or read the one that is there.
-- keys:  Q.   args: incarnation (16 hex digits; "" only looks), creator, default retention s, then field, value ...
-- reply: {1 if made now, field, value, ...}.   fails: NOQUEUE (only looked, and there is none).   cost: O(fields).
local made = 0
if call('EXISTS', Q) == 0 then
  if ARGV[1] == '' then return NOQUEUE end
  local clock = call('TIME')
  local real = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
  local born = { 'inc', ARGV[1], 'by', ARGV[2], 'ret0', ARGV[3], 'at', real, 'mod', real, 'rev', 1 }
  -- what every operation reads comes first: a small hash is searched from its beginning
  call('HSET', Q, 'gen', ARGV[1] .. ':0', 'now', real, 'seq', 0, unpack(born))
  if #ARGV > 3 then call('HSET', Q, unpack(ARGV, 4)) end
  local scope = call('HGET', Q, 'deduplication_scope')
  if scope then call('HSET', Q, 'scope0', scope) end
  made = 1
end
local reply = whole()
table.insert(reply, 1, made)
return reply
