-- samples: one for each minute in which a queue's metrics have changed, in Q:ms, the oldest first, as MessagePack:
-- [minute since 1970, visible, in flight, delayed, since s, sent, received, deleted, empty receives, bytes sent,
-- smallest, largest]. since: when the oldest message was sent, 0 without one. Trailing zeros are left
-- out. visible, in flight, delayed and since count until a later sample has them; where it has none, its visible is -1.
-- Minutes are those of the queue's clock.
-- samples.edit: call `edit` with the sample of a minute, which is new and without values if there was none; write it.
-- samples.last: read the newest one; nil without one.
-- samples.trim: drop the samples of minutes before `first`, but keep the values that count in it.
-- samples.oldest_since: when the oldest message came to the queue, ms, by the rules of SQS's age of the oldest message;
-- nil without one. It is visible or in flight. In a standard queue a message that was received three times
-- or more does not count. A message that was moved here came when it was moved; its receives in other queues do not
-- count. Searches 100 messages of each band. `left`: as expire_oldest returns it.
-- samples.values: what a sample holds now: visible, in flight, delayed, since ms. Processes `most` of what is due, as
-- process_due. O(log n) as counts, and O(100); O(1) for an empty queue.
-- uses: ARRIVED, base_key, BEFORE, context, COUNT, count_live, expire_oldest, first_live, GROUPED, is_over, KIND
-- uses: LEASED, order_key, process_due, queue, rank_of_band, records_key, sent_of, state_of, states_key
-- uses: update_groups
local samples = { MINUTE = 1, VISIBLE = 2, SENT = 6, SMALLEST = 11, LARGEST = 12, END = 12 }
samples.at = function(index)
  local packed = call('LINDEX', base_key .. ':ms', index)
  return packed and cmsgpack.unpack(packed)
end
samples.last = function() return samples.at(-1) end
samples.edit = function(minute, edit)
  local key, later = base_key .. ':ms', {}
  local packed = call('RPOP', key)
  local sample = packed and cmsgpack.unpack(packed)
  while sample and sample[samples.MINUTE] > minute do
    later[#later + 1] = packed
    packed = call('RPOP', key)
    sample = packed and cmsgpack.unpack(packed)
  end
  if not sample or sample[samples.MINUTE] < minute then
    if packed then call('RPUSH', key, packed) end
    sample = { minute, -1 }
  end
  for at = #sample + 1, samples.END do sample[at] = 0 end
  edit(sample)
  local length = samples.END
  while sample[length] == 0 do length = length - 1 end
  call('RPUSH', key, cmsgpack.pack({ unpack(sample, 1, length) }))
  for at = #later, 1, -1 do call('RPUSH', key, later[at]) end
end
samples.trim = function(first)
  local second = samples.at(1)
  while second and second[samples.MINUTE] <= first do
    local oldest = call('LPOP', base_key .. ':ms')
    if second[samples.VISIBLE] == -1 then -- the oldest one's values still count
      call('LPOP', base_key .. ':ms')
      call('LPUSH', base_key .. ':ms', oldest)
    end
    second = samples.at(1)
  end
end
samples.oldest_since = function(left)
  local function of_band(band)
    local seqs
    if left then
      local gone, first = first_live(band)
      local last = math.min(first + gone + 100, rank_of_band(band + LEASED)) - 1
      seqs = last >= first + gone and call('ZRANGE', order_key, first + gone, last) or {}
    else
      local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
      seqs = call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, 100)
    end
    for _, seq in ipairs(seqs) do
      local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
      local is_counted = record and not is_over(seq, record, state)
      if is_counted and (KIND == 'fifo' or state[COUNT] - (state[BEFORE] or 0) < 3) then
        local since = state[ARRIVED] or sent_of(record)
        if KIND ~= 'fifo' or since + queue.delay_ms <= context.now_ms then return since end
      end
    end
  end
  local found
  for _, band in ipairs({ 0, LEASED, GROUPED }) do
    local since = of_band(band)
    if since and (not found or since < found) then found = since end
  end
  return found
end
samples.values = function(most)
  if call('ZCARD', order_key) == 0 then return { 0, 0, 0, 0 } end
  process_due(most)
  local _, left = expire_oldest(most)
  update_groups()
  local visible, in_flight, delayed = count_live(left)
  return { visible, in_flight, delayed, samples.oldest_since(left) or 0 }
end
