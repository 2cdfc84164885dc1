-- Whether what Git asks of a ModelDeployment is in force. A promise that is not kept under the load
-- of the hour (SLOMet=False) is told in the message and degrades nothing: no other commit caused it,
-- and a sync must not fail at noon that would pass at night.
local hs = {}

if obj.metadata.deletionTimestamp ~= nil then
  hs.status = "Progressing"
  hs.message = "Pending deletion"
  return hs
end

-- Without a status trimtab has not seen the object; with an older generation, not this version of it.
if obj.status == nil or obj.status.conditions == nil
    or obj.status.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "Waiting for trimtab to see it"
  return hs
end

local told = {}
local broken = {}
for _, condition in ipairs(obj.status.conditions) do
  told[condition.type] = condition
  if condition.status == "False" and condition.type ~= "Ready"
      and condition.type ~= "Reconciling" and condition.type ~= "Stalled" then
    table.insert(broken, condition.type .. "=False (" .. condition.reason .. ")")
  end
end

local absent = {status = "", reason = "", message = ""}
local ready = told["Ready"] or absent
local reconciling = told["Reconciling"] or absent
local stalled = told["Stalled"] or absent
local slo = told["SLOMet"] or absent

if stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = stalled.message
elseif reconciling.reason == "NotActing" then
  hs.status = "Suspended"
  hs.message = "spec.scaling.mode is Advise: the plan is reported and not applied."
elseif reconciling.status == "True"
    and (reconciling.reason == "PodsWaiting" or reconciling.reason == "PodsRefused") then
  -- As Argo CD judges a Pod whose image cannot be pulled, or a ReplicaSet that may have no more pods.
  hs.status = "Degraded"
  hs.message = reconciling.message
elseif reconciling.status == "True" then
  hs.status = "Progressing"
  hs.message = reconciling.message
elseif ready.status == "True" then
  hs.status = "Healthy"
  hs.message = table.concat({ready.message, unpack(broken)}, " ")
elseif slo.reason == "ScaledToZero" then
  hs.status = "Suspended"
  hs.message = slo.message
elseif slo.reason == "NoCapacity" then
  hs.status = "Degraded"
  hs.message = slo.message
else
  hs.status = "Progressing"
  hs.message = ready.message
end
return hs
