-- usage_sums: write what the queues of each project and region hold together, in place of the sums before. A full store
-- can be emptied only by an account whose messages in flight are counted again, so this runs at the memory limit too.
-- keys:  the sums, outside of queues.
-- args:  for each project and region: its registry key, and the sums
-- reply: OK.
-- fails: nothing.
-- effect: frees.
-- cost:  O(projects and regions).
-- uses: base_key
call('DEL', base_key)
for at = 1, #ARGV, 2 do call('HSET', base_key, ARGV[at], ARGV[at + 1]) end
return 'OK'
