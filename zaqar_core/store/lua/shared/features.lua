-- features: what the queue has ever had, so that functions need not read keys that cannot exist: own ends "e", delays
-- "d", message groups "g", encrypted messages "k", subscriptions "s", notifications "n". A feature is never unmarked.
-- uses: base_key, queue, reload_queue, settings_changed
local function has_feature(what) return queue.has[what] end
local function mark_feature(what)
  if not has_feature(what) then
    call('HSET', base_key, 'has', queue.features .. what)
    settings_changed()
    reload_queue()
  end
end
