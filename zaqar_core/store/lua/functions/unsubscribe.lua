-- unsubscribe: a subscription is gone, or all of them.
-- keys:  Q.   args: id, "" for all.   reply: OK.   fails: NOQUEUE.   cost: O(log n); memory is freed in the background.
-- uses: drop_subscription, GROUPED_QUEUE, open, subscription_keys
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
if ARGV[1] ~= '' then
  drop_subscription(ARGV[1])
else
  call('UNLINK', subscription_keys())
end
return 'OK'
