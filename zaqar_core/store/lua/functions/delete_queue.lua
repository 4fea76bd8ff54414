-- delete_queue: delete the queue and all its messages; release waiting receives.
-- keys:  the queue.
-- args:  pools only: ms for which that incarnation cannot be created
-- reply: its incarnation.
-- fails: NOQUEUE.
-- effect: frees.
-- cost:  O(waiters); memory is freed in the background.
-- uses: base_key, content_keys, delivery_keys, has_feature, open_any_queue, queue, ruled_out_key, subscription_keys
-- uses: wake_waiters
local wrong = open_any_queue()
if wrong then return wrong end
wake_waiters(math.min(call('ZCARD', base_key .. ':w'), 10000))
call(
  'UNLINK', base_key, base_key .. ':w', base_key .. ':mi', base_key .. ':mo', base_key .. ':mr', base_key .. ':mt',
  base_key .. ':ms', unpack(content_keys())
)
if has_feature('s') then
  call('UNLINK', subscription_keys())
  call('UNLINK', delivery_keys())
end
if ARGV[1] then call('SET', ruled_out_key(queue.incarnation), 1, 'PX', ARGV[1]) end
return queue.incarnation
