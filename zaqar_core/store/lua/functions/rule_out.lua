-- rule_out: prevent an incarnation of the queue from being created later, unless it exists.
-- keys:  the queue.
-- args:  incarnation, ms for which that holds
-- reply: 1, or 0 if that incarnation exists.
-- fails: nothing.
-- effect: frees.
-- cost:  O(1).
-- uses: base_key, ruled_out_key
if call('HGET', base_key, 'inc') == ARGV[1] then return 0 end
call('SET', ruled_out_key(ARGV[1]), 1, 'PX', ARGV[2])
return 1
