-- chaos_redeliver: make messages in flight visible at once, as copies that a deletion did not reach. For tests.
-- keys:  the queue.
-- args:  incarnation, seqs ...
-- reply: the seqs that became visible.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(k log n).
-- uses: leases_key, open_queue, queue, release, update_groups, wake_waiters
local wrong = open_queue()
if wrong then return wrong end
local came = {}
for i = 2, #ARGV do
  if ARGV[1] == queue.incarnation and call('ZREM', leases_key, ARGV[i]) == 1 then came[#came + 1] = ARGV[i] end
end
if #came > 0 then release(came) end
update_groups()
wake_waiters(#came)
return came
