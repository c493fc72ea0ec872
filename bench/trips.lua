-- Thousands of distinct zone pairs, some of them unseen in training; the same sequence in every run.
math.randomseed(42)
request = function()
  local body = string.format(
    '{"request_id":"r%d","PULocationID":%d,"DOLocationID":%d,"trip_distance":%.2f}',
    math.random(1, 1000000000), math.random(1, 265), math.random(1, 265), math.random() * 20)
  return wrk.format("POST", "/v1/trip/predict", {["Content-Type"] = "application/json"}, body)
end
