// A scale set behind a load balancer that holds the public address. Clients' addresses and ports arrive
// untranslated.

param name string
param location string
param subnetId string
param publicAddressId string
param adminPublicKey string
@description('In base64. Holds the identity.')
@secure()
param installScript string
param ports array
param probedPort int
param idleTimeoutMinutes int
param tcpReset bool
param instances int
param size string
param tags object

var frontendId = resourceId('Microsoft.Network/loadBalancers/frontendIPConfigurations', name, 'public')
var backendId = resourceId('Microsoft.Network/loadBalancers/backendAddressPools', name, 'echo')
var probeId = resourceId('Microsoft.Network/loadBalancers/probes', name, 'alive')

resource loadBalancer 'Microsoft.Network/loadBalancers@2023-09-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Regional'
  }
  properties: {
    frontendIPConfigurations: [
      {
        name: 'public'
        properties: {
          publicIPAddress: {
            id: publicAddressId
          }
        }
      }
    ]
    backendAddressPools: [
      {
        name: 'echo'
      }
    ]
    // Not on a port that clients probe: strangers there make the server's "I saw nothing" worth less.
    probes: [
      {
        name: 'alive'
        properties: {
          protocol: 'Http'
          requestPath: '/'
          port: probedPort
          intervalInSeconds: 15
          numberOfProbes: 1
          probeThreshold: 2
        }
      }
    ]
    loadBalancingRules: [for port in ports: {
      name: 'port-${port}'
      properties: {
        protocol: 'Tcp'
        frontendPort: port
        backendPort: port
        // All of a client's connections go to one instance, which then knows of all of them.
        loadDistribution: 'SourceIP'
        idleTimeoutInMinutes: idleTimeoutMinutes
        enableTcpReset: tcpReset
        enableFloatingIP: false
        disableOutboundSnat: true
        frontendIPConfiguration: {
          id: frontendId
        }
        backendAddressPool: {
          id: backendId
        }
        probe: {
          id: probeId
        }
      }
    }]
    // The instances have no address of their own; they must download the server and their updates.
    outboundRules: [
      {
        name: 'updates'
        properties: {
          protocol: 'Tcp'
          allocatedOutboundPorts: 1024
          idleTimeoutInMinutes: 4
          enableTcpReset: true
          frontendIPConfigurations: [
            {
              id: frontendId
            }
          ]
          backendAddressPool: {
            id: backendId
          }
        }
      }
    ]
  }
}

resource scaleSet 'Microsoft.Compute/virtualMachineScaleSets@2024-03-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: size
    tier: 'Standard'
    capacity: instances
  }
  properties: {
    orchestrationMode: 'Uniform'
    overprovision: false
    upgradePolicy: {
      mode: 'Automatic'
    }
    automaticRepairsPolicy: {
      enabled: true
      gracePeriod: 'PT30M'
    }
    virtualMachineProfile: {
      securityProfile: {
        securityType: 'TrustedLaunch'
        uefiSettings: {
          secureBootEnabled: true
          vTpmEnabled: true
        }
      }
      storageProfile: {
        imageReference: {
          publisher: 'Canonical'
          offer: 'ubuntu-24_04-lts'
          sku: 'server'
          version: 'latest'
        }
        osDisk: {
          createOption: 'FromImage'
          managedDisk: {
            storageAccountType: 'StandardSSD_LRS'
          }
        }
      }
      osProfile: {
        computerNamePrefix: 'fwecho'
        adminUsername: 'fwprobeadmin'
        linuxConfiguration: {
          disablePasswordAuthentication: true
          provisionVMAgent: true
          ssh: {
            publicKeys: [
              {
                path: '/home/fwprobeadmin/.ssh/authorized_keys'
                keyData: adminPublicKey
              }
            ]
          }
        }
      }
      networkProfile: {
        healthProbe: {
          id: probeId
        }
        networkInterfaceConfigurations: [
          {
            name: 'echo'
            properties: {
              primary: true
              ipConfigurations: [
                {
                  name: 'echo'
                  properties: {
                    subnet: {
                      id: subnetId
                    }
                    loadBalancerBackendAddressPools: [
                      {
                        id: backendId
                      }
                    ]
                  }
                }
              ]
            }
          }
        ]
      }
      diagnosticsProfile: {
        bootDiagnostics: {
          enabled: true
        }
      }
      extensionProfile: {
        extensions: [
          {
            name: 'install'
            properties: {
              publisher: 'Microsoft.Azure.Extensions'
              type: 'CustomScript'
              typeHandlerVersion: '2.1'
              autoUpgradeMinorVersion: true
              protectedSettings: {
                script: installScript
              }
            }
          }
        ]
      }
    }
  }
  dependsOn: [
    loadBalancer
  ]
}
