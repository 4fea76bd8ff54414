-- samples: one for each minute in which a queue's metrics have changed, in Q:ms, the oldest first, as MessagePack:
-- [minute since 1970, visible, in flight, delayed, since s, sent, received, deleted, empty receives, bytes sent,
-- smallest, largest]. since: when the oldest message was sent, 0 without one. Trailing zeros are left
-- out. visible, in flight, delayed and since count until a later sample has them; where it has none, its visible is -1.
-- Minutes are those of the queue's clock.
-- samples.edit: call `edit` with the sample of a minute, which is new and without values if there was none; write it.
-- samples.last: read the newest one; nil without one.
-- samples.trim: drop the samples of minutes before `first`, but keep the values that count in it.
-- samples.values: what a sample holds now: visible, in flight, delayed, and since when the oldest message is in the
-- queue, ms, 0 without one. By the rules of SQS's age of the oldest message, that is one that is visible or in flight;
-- in a standard queue a message that was received three times or more does not count; a message that was moved here
-- came when it was moved, and its receives in other queues do not count. Searches 100 messages of each band. Writes
-- nothing, not even what time alone has changed: with an fsync after each write, a look at many queues would delay all
-- others. O(log n) as counts, and O(100); O(1) for an empty queue.
-- uses: ARRIVED, base_key, BEFORE, COUNT, count_live, DELAYED, delayed_until, first_live, GROUPED, has_feature, is_over
-- uses: KIND, LEASED, now_ms, order_key, rank_of_band, records_key, sent_of, state_of, states_key
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
samples.values = function()
  if call('ZCARD', order_key) == 0 then return { 0, 0, 0, 0 } end
  local has_expired = false -- whether messages that have expired are still there
  local function first_of(seqs)
    for _, seq in ipairs(seqs) do
      local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
      if record and is_over(seq, record, state) then
        has_expired = true
      elseif record and (KIND == 'fifo' or state[COUNT] - (state[BEFORE] or 0) < 3) then
        if delayed_until(seq, record) == 0 then return state[ARRIVED] or sent_of(record) end
      end
    end
  end
  local function oldest_of(band)
    local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
    local since = first_of(call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, 100))
    if since or not has_expired then return since or math.huge end
    local gone, first = first_live(band)
    local last = math.min(first + gone + 100, rank_of_band(band + LEASED)) - 1
    return last >= first + gone and first_of(call('ZRANGE', order_key, first + gone, last)) or math.huge
  end
  local oldest = math.min(oldest_of(0), oldest_of(LEASED), oldest_of(GROUPED))
  if has_feature('d') and call('ZCOUNT', base_key .. ':d', '-inf', now_ms) > 0 then
    oldest = math.min(oldest, oldest_of(DELAYED)) -- delays that have ended
  end
  local visible, in_flight, delayed = count_live(has_expired)
  return { visible, in_flight, delayed, oldest < math.huge and oldest or 0 }
end
