-- registry_leave: remove a queue's name from the list, if the row is still of that incarnation.
-- keys:  the registry.
-- args:  name, incarnation, seconds for which the deletion is remembered
-- reply: 1 if it was removed.
-- fails: nothing.
-- effect: frees.
-- cost:  O(log n), and one step for each deletion that need not be remembered any more.
-- uses: base_key
if call('HGET', base_key .. ':lives', ARGV[1]) ~= ARGV[2] then return 0 end
call('HDEL', base_key .. ':lives', ARGV[1])
if ARGV[3] ~= '0' then
  local now = call('TIME')[1]
  call('ZREMRANGEBYSCORE', base_key .. ':gone', '-inf', now - ARGV[3])
  call('ZADD', base_key .. ':gone', now, ARGV[1])
end
return call('ZREM', base_key .. ':names', ARGV[1])
