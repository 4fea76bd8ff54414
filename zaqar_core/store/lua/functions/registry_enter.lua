-- registry_enter: list a queue's name.
-- keys:  the registry.
-- args:  name, incarnation
-- reply: OK.
-- fails: nothing.
-- effect: stores.
-- cost:  O(log n).
-- uses: base_key
call('ZADD', base_key .. ':names', 0, ARGV[1])
call('HSET', base_key .. ':lives', ARGV[1], ARGV[2])
return 'OK'
