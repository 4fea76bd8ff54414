-- unsubscribe: remove a subscription, or all of them.
-- keys:  the queue.
-- args:  id, "" for all
-- reply: OK.
-- fails: NOQUEUE.
-- effect: frees.
-- cost:  O(log n); memory is freed in the background.
-- uses: drop_subscription, open_any_queue, subscription_keys
local wrong = open_any_queue()
if wrong then return wrong end
if ARGV[1] ~= '' then
  drop_subscription(ARGV[1])
else
  call('UNLINK', subscription_keys())
end
return 'OK'
