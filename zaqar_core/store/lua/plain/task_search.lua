-- task_search: find what a move task is to take, oldest first: visible messages up to the task's bound, `most` at most.
-- take_one(seq, record) takes a message out, or returns false to stop there. Returns 'more' when there is or may be
-- something left to take, 'end' when there is nothing, 'look' when another call must decide.
-- uses: order_key, records_key
local function search_movable(task, most, take_one)
  local upto = task.bound + 0.5
  for _, seq in ipairs(call('ZRANGEBYSCORE', order_key, '-inf', upto, 'LIMIT', 0, most)) do
    if not take_one(seq, call('HGET', records_key, seq)) then return 'more' end
  end
  return call('ZCOUNT', order_key, '-inf', upto) > 0 and 'more' or 'end'
end
