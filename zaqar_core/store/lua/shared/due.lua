-- due: the time before which no lease, delay or expiry ends (field `due`, a lower bound), and the queue's last time.
-- lower_due: must be called for everything that is due at a moment. If that is earlier than `due`,
-- context.due_was_lowered is true, and the function must wake a waiter: see wakeups.
-- save_clock: write the queue's time once a second.
-- uses: base_key, context, due_ms, now_ms, queue, read_due
local function lower_due(at)
  if at >= due_ms then return end
  due_ms = read_due() -- never to be raised here
  if at < due_ms then
    call('HSET', base_key, 'due', at)
    due_ms, context.due_was_lowered = at, true
  end
  queue.due_ms = due_ms
end
local function save_clock()
  if not queue.saved_ms or now_ms - queue.saved_ms >= 1000 then
    call('HSET', base_key, 'now', now_ms)
    queue.saved_ms = now_ms
    -- another server may have served the queue meanwhile, between two fail-overs
    queue.in_flight = nil
  end
end
