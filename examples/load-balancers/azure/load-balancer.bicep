// Azure Load Balancer (Standard, internal). An exporter runs on each node, with a health listener on port 9109. The nodes'
// network security group has to let the AzureLoadBalancer service tag reach 9109.
//
//   fail_after 2 x every 20s                        40 s until the verdict falls
//   + interval 5s x threshold 2                     +10 s until the node gets no new flows
//
//   200        the node is up after two
//   503        down after two, failed or drained: no new flows; open ones go on
//   no answer  as 503; with no node up, all are in (noHealthyBackendsBehavior)
//
// 5 s is the smallest interval. A probe that is not answered by the next one counts as failed.

param location string = resourceGroup().location
param subnetId string

resource loadBalancer 'Microsoft.Network/loadBalancers@2024-05-01' = {
  name: 'idp'
  location: location
  sku: { name: 'Standard' }
  properties: {
    frontendIPConfigurations: [
      { name: 'login', properties: { subnet: { id: subnetId } } }
    ]
    backendAddressPools: [
      { name: 'nodes' }
    ]
    probes: [
      {
        name: 'testall'
        properties: {
          protocol: 'Http'
          port: 9109
          requestPath: '/testall'
          intervalInSeconds: 5
          probeThreshold: 2
          numberOfProbes: 2
          // Fail open: with every probe down, new flows go to all nodes. AllProbedDown, the default, sends none.
          noHealthyBackendsBehavior: 'AllProbedUp'
        }
      }
    ]
    loadBalancingRules: [
      {
        name: 'https'
        properties: {
          frontendIPConfiguration: { id: resourceId('Microsoft.Network/loadBalancers/frontendIPConfigurations', 'idp', 'login') }
          backendAddressPool: { id: resourceId('Microsoft.Network/loadBalancers/backendAddressPools', 'idp', 'nodes') }
          probe: { id: resourceId('Microsoft.Network/loadBalancers/probes', 'idp', 'testall') }
          protocol: 'Tcp'
          frontendPort: 443
          backendPort: 443
          enableTcpReset: true
          idleTimeoutInMinutes: 4
        }
      }
    ]
  }
}
